"""y = x w + b by gradient descent on the mean squared error, without any package: python3 linear.py FEATURES [RATE]"""

import sys

from bbmodel import floats, pack, serve


class Linear:
    def __init__(self, features, rate):
        self.w = [0.0] * (features + 1)
        self.rate = rate

    def _rows(self, inputs):
        values, width = floats(inputs), len(self.w) - 1
        return [list(values[at : at + width]) + [1.0] for at in range(0, len(values), width)]

    def _of(self, row):
        return sum(a * b for a, b in zip(row, self.w))

    def fit(self, inputs, targets):
        rows, wanted = self._rows(inputs), floats(targets)
        errors = [self._of(row) - y for row, y in zip(rows, wanted)]
        count = len(rows)
        for at in range(len(self.w)):
            self.w[at] -= self.rate * 2 / count * sum(e * row[at] for e, row in zip(errors, rows))
        return pack([sum(e * e for e in errors) / count], [])

    def predict(self, inputs):
        rows = self._rows(inputs)
        return pack([self._of(row) for row in rows], [len(rows)])

    def parameters(self):
        return pack(self.w, [len(self.w)])

    def load(self, parameters):
        self.w = list(floats(parameters))


serve(Linear(int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.1))
