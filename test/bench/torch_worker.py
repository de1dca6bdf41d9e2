"""The other side of the engine's benchmark: the same steps in PyTorch on the CPU, with the same weights.

Started by test/bench/engine.mjs, which writes the lists of layers, the weights and the codes. Reads "run" line by line from
standard input and answers each with a line of JSON. Needs PyTorch (Debian: python3-torch, with libopenblas0-pthread: its
products of matrices are fifty times slower with the reference BLAS); tried with 1.13.
"""

import json
import sys
import time

import numpy
import torch
import torch.nn.functional as F

torch.set_num_threads(int(sys.argv[2]) if len(sys.argv) > 2 else 2)
with open(sys.argv[1]) as file:
    job = json.load(file)
raw = numpy.memmap(job["weights"], dtype=numpy.float32, mode="c")


def tensor(place):
    size = int(numpy.prod(place["shape"]))
    return torch.from_numpy(raw[place["at"] : place["at"] + size].reshape(place["shape"]))


def rectified(x, slope):
    if slope is None:
        return x
    return F.relu(x) if slope == 0 else F.leaky_relu(x, slope)


def run_layers(layers, x):
    for layer in layers:
        kind = layer["type"]
        if "weight" in layer:
            weight, bias = layer["loaded"]
        if kind == "conv":
            x = F.conv2d(x, weight, bias, layer["stride"], layer["pad"], 1, layer["groups"])
        elif kind == "deconv":
            x = F.conv_transpose2d(x, weight, bias, layer["stride"], layer["pad"])
        elif kind == "fc":
            x = F.linear(x.flatten(1), weight, bias)
        elif kind == "pool":
            x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        elif kind == "lrn":
            x = F.local_response_norm(x, layer["size"], layer["alpha"], layer["beta"], 1.0)
        elif kind == "reshape":
            x = x.reshape([-1] + layer["shape"])
        if "weight" in layer:
            x = rectified(x, layer["slope"])
    return x


def load(layers):
    for layer in layers:
        if "weight" in layer:
            layer["loaded"] = (tensor(layer["weight"]), tensor(layer["bias"]))
    return layers


def normalised(x):
    return x / x.abs().mean(dim=tuple(range(1, x.dim())), keepdim=True)


def caffenet():
    generator, network = load(job["generator"]), load(job["network"])
    code = tensor(job["codes"]).clone().requires_grad_(True)

    def step():
        picture = run_layers(generator, code)[:, :, 14:241, 14:241]
        scores = run_layers(network, picture)[:, job["unit"]]
        (to_picture,) = torch.autograd.grad(scores.mean(), picture, retain_graph=True)
        (to_code,) = torch.autograd.grad(picture, code, normalised(to_picture))
        moved = (code.detach() + normalised(to_code)).clamp(0, 12) * 0.99
        return {"activation": float(scores.mean()), "code": moved[0, :8].tolist()}

    return step


def lstm():
    steps, inputs, units = job["shape"]
    torch.manual_seed(1)
    layer = torch.nn.LSTM(inputs, units)
    x = torch.randn(steps, 1, inputs, requires_grad=True)

    def step():
        hidden, _ = layer(x)
        torch.autograd.grad((hidden * hidden).sum(), x)

    return step


step = {"caffenet": caffenet, "lstm": lstm}[job["work"]]()
check = step()
print(json.dumps({"ready": True, "torch": torch.__version__, "check": check}), flush=True)
for line in sys.stdin:
    if line.strip() != "run":
        break
    started = time.perf_counter()
    step()
    print(json.dumps({"ms": 1000 * (time.perf_counter() - started)}), flush=True)
