"""The dashboard: pages made from run folders alone, while training and years later, with no Ray alive.

The way of a request: `access` lets it in, `server` asks `readers.site` for the folder's reader, `readers` read new
lines of its files, `pages` make a template's context, `render` makes HTML of it. `export` walks the same pages into
files. May import all rooms but the command line. Start reading at `server.py`.
"""
