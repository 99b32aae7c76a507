"""Records to what a person or a script looks at: JSON documents, tables, progress.

A view knows records and reports and nothing of how they came about. Answers go to stdout, everything else to
stderr. What comes from a file name or a cluster name is printed as text, never as markup.
"""
