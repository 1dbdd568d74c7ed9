"""A small network in PyTorch that nobody outside of it sees into: python3 torch_mlp.py FEATURES [RATE]"""

import sys

import torch
from bbmodel import floats, pack, serve


class Mlp:
    def __init__(self, features, rate):
        torch.manual_seed(1)
        self.features = features
        self.net = torch.nn.Sequential(torch.nn.Linear(features, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=rate)

    def _tensor(self, given, *dims):
        return torch.tensor(list(floats(given))).reshape(*dims)

    def fit(self, inputs, targets):
        loss = torch.nn.functional.mse_loss(
            self.net(self._tensor(inputs, -1, self.features)), self._tensor(targets, -1, 1)
        )
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return pack([loss.item()], [])

    def predict(self, inputs):
        with torch.no_grad():
            values = self.net(self._tensor(inputs, -1, self.features)).flatten().tolist()
        return pack(values, [len(values)])

    def parameters(self):
        flat = torch.nn.utils.parameters_to_vector(self.net.parameters()).detach().tolist()
        return pack(flat, [len(flat)])

    def load(self, parameters):
        torch.nn.utils.vector_to_parameters(self._tensor(parameters, -1), self.net.parameters())


serve(Mlp(int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.1))
