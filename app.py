"""Fenshen 分身: `python app.py` serves the page, `python app.py --help` lists the commands."""

from __future__ import annotations

import sys

from front.commands import main

if __name__ == "__main__":
    sys.exit(main())
