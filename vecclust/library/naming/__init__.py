"""What clusters are called that their owner gave no name: words of a vocabulary, by the library's own model.

The vectors of the words are made once a model and kept in the library's folder; what the clusters of a run are called
is found when the run is made, and kept with it.
"""
