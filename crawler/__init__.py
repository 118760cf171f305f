"""Look at registries and write down what they say.

A crawl is one snapshot of one registry, taken by one process. A spider asks for one page at a time, keeping to the
registry's pace; each page, with its rows and with where to go on, is one transaction; when the list has been walked,
the gate judges from what was stored whether the snapshot is complete, and the snapshot ends. A crawl that is killed
goes on at the page after the last one stored.
"""
