"""The one read path: photos that answer, clusters, and how a library stands, of one version of its tables each."""
