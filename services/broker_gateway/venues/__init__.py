"""One module or folder per venue; each brings its venue to the form of `port.py`."""
