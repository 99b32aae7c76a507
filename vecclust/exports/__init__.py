"""The exports room: what leaves the library as files that open without it.

The gallery is a folder of pages, the map one file (`gallery`, `map`, with `html`, `text` and `colours`); `output` puts
files into place, tables of other rooms too. A page asks nothing of anybody: no request leaves it, and its content
security policy says so to the browser. Names of files and clusters are text, never markup: every template escapes.
Knows view models, no tables and no servers; importing the package imports nothing.
"""
