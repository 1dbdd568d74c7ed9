"""The other end of stdlib/models/node/process.ts: serves a model over standard input and output.

A model is an object with methods fit(inputs, targets), predict(inputs), parameters() and load(parameters). They take and
give (dtype, dims, bytes); `floats` and `pack` turn float32 tensors into lists of numbers and back. What a model prints goes
to standard error, since standard output is the answers'.
"""

import array
import base64
import json
import sys


def floats(tensor):
    dtype, _, data = tensor
    if dtype != "float32":
        raise TypeError(f"{dtype}, not float32")
    values = array.array("f")
    values.frombytes(data)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def pack(values, dims):
    packed = array.array("f", values)
    if sys.byteorder == "big":
        packed.byteswap()
    return ("float32", list(dims), packed.tobytes())


def serve(model):
    answers, sys.stdout = sys.stdout, sys.stderr
    methods = {"Fit": "fit", "Predict": "predict", "Parameters": "parameters", "Load": "load"}
    for line in sys.stdin:
        request = json.loads(line)
        answer = {"id": request["id"]}
        try:
            inputs = [(one["dtype"], one["dims"], base64.b64decode(one["data"])) for one in request["inputs"]]
            given = getattr(model, methods[request["method"]])(*inputs)
            outputs = [] if given is None else [given]
            answer["outputs"] = [
                {"dtype": dtype, "dims": dims, "data": base64.b64encode(data).decode()} for dtype, dims, data in outputs
            ]
        except Exception as error:  # told to whoever asked
            answer["error"] = f"{type(error).__name__}: {error}"
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
