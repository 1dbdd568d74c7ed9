"""Asks ONNX's checker about each file named on stdin; prints JSON: the version, and what it says of those it refuses."""

import json
import sys

import onnx

refused = {}
for path in sys.stdin.read().splitlines():
    try:
        onnx.checker.check_model(path, full_check=True)
    except Exception as error:  # whatever it is, the file was not accepted
        refused[path] = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
print(json.dumps({"version": onnx.__version__, "refused": refused}))
