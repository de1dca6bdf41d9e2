"""Makes the small ONNX files of this folder, as PyTorch users export them: python3 make_models.py

Made with torch 1.13 (Debian's python3-torch). Weights are random; what the models give is asked of ONNX Runtime by the
tests, so that no outputs are kept.
"""

import math
import os

import torch
from torch import nn
from torch.nn import functional as F

HERE = os.path.dirname(os.path.abspath(__file__))


class Residual(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.down = nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.down(x))


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 7, 2, 3)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.layers = nn.Sequential(Residual(8, 8, 1), Residual(8, 12, 2))
        self.fc = nn.Linear(12, 5)

    def forward(self, x):
        x = self.layers(self.pool(F.relu(self.stem(x))))
        return F.softmax(self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)), dim=1)


class MobileBlock(nn.Module):
    """Inverted residual with squeeze and excitation, as in MobileNetV3."""

    def __init__(self, channels, wide):
        super().__init__()
        self.expand = nn.Sequential(nn.Conv2d(channels, wide, 1), nn.BatchNorm2d(wide), nn.Hardswish())
        self.depthwise = nn.Sequential(nn.Conv2d(wide, wide, 5, 1, 2, groups=wide), nn.BatchNorm2d(wide))
        self.squeeze = nn.Conv2d(wide, 4, 1)
        self.excite = nn.Conv2d(4, wide, 1)
        self.project = nn.Conv2d(wide, channels, 1)

    def forward(self, x):
        y = self.depthwise(self.expand(x))
        scale = F.hardsigmoid(self.excite(F.relu(self.squeeze(F.adaptive_avg_pool2d(y, 1)))))
        return x + self.project(F.relu6(y * scale))


class Mobile(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.Hardswish(), MobileBlock(8, 16), MobileBlock(8, 24))
        self.head = nn.Linear(8, 6)
        self.dropout = nn.Dropout(0.2)

    def forward(self, x):
        return self.head(self.dropout(self.stem(x).mean([2, 3])))


class FrameNet(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3), nn.LeakyReLU(0.1))
        self.fc = nn.Linear(8 * 2 * 2, features)

    def forward(self, x):
        return F.relu(self.fc(torch.flatten(self.body(x), 1)))


class Lrcn(nn.Module):
    """Frames through a convnet, an LSTM with the batch first, scores from its last step."""

    def __init__(self):
        super().__init__()
        self.frames = FrameNet(10)
        self.lstm = nn.LSTM(10, 7, num_layers=2, batch_first=True)
        self.head = nn.Linear(7, 4)

    def forward(self, x):
        n, t = x.shape[:2]
        features = self.frames(x.view(n * t, *x.shape[2:])).view(n, t, -1)
        states, _ = self.lstm(features)
        return self.head(states[:, -1])


class GruBothWays(nn.Module):
    """A bidirectional GRU that scores every frame."""

    def __init__(self):
        super().__init__()
        self.frames = FrameNet(10)
        self.gru = nn.GRU(10, 6, batch_first=True, bidirectional=True)
        self.head = nn.Linear(12, 4)

    def forward(self, x):
        n, t = x.shape[:2]
        states, _ = self.gru(self.frames(x.view(n * t, *x.shape[2:])).view(n, t, -1))
        return F.log_softmax(self.head(states), dim=2)


class TimeFirst(nn.Module):
    """Time before the batch; the mean of all steps of a GRU, and the mean of the features, are scored."""

    def __init__(self):
        super().__init__()
        self.frames = FrameNet(10)
        self.gru = nn.GRU(10, 6)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        t, n = x.shape[:2]
        features = self.frames(x.flatten(0, 1)).view(t, n, -1)
        states, _ = self.gru(features)
        return self.head(torch.cat([states.mean(0), features.mean(0)], dim=1))


class OneVideo(nn.Module):
    """Frames of one video as the batch; an LSTM over them."""

    def __init__(self):
        super().__init__()
        self.frames = FrameNet(10)
        self.lstm = nn.LSTM(10, 7)
        self.head = nn.Linear(7, 4)

    def forward(self, x):
        states, _ = self.lstm(self.frames(x).unsqueeze(1))
        return self.head(states.squeeze(1))


class Clips(nn.Module):
    """3-D convolutions, [N, C, T, H, W]."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv3d(3, 6, 3, padding=1)
        self.conv2 = nn.Conv3d(6, 8, (3, 3, 3), stride=(2, 2, 2), padding=1)
        self.bn = nn.BatchNorm3d(8)
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        x = F.max_pool3d(F.relu(self.conv1(x)), (1, 2, 2))
        x = F.avg_pool3d(F.relu(self.bn(self.conv2(x))), 2)
        return self.fc(F.adaptive_avg_pool3d(x, 1).flatten(1))


class FrameAttention(nn.Module):
    """A Transformer encoder over the frames' features."""

    def __init__(self):
        super().__init__()
        self.frames = FrameNet(8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation='gelu')
        self.encoder = nn.TransformerEncoder(layer, 1)
        self.place = nn.Parameter(torch.randn(1, 6, 8) * 0.1)
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        n, t = x.shape[:2]
        features = self.frames(x.view(n * t, *x.shape[2:])).view(n, t, -1)
        return self.head(self.encoder(features + self.place).mean(1))


class Generator(nn.Module):
    """A DCGAN."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(12, 16 * 4 * 4)
        self.up1 = nn.ConvTranspose2d(16, 8, 4, 2, 1)
        self.bn = nn.BatchNorm2d(8)
        self.up2 = nn.ConvTranspose2d(8, 3, 3, 2, 1, output_padding=1)

    def forward(self, code):
        x = self.fc(code).view(-1, 16, 4, 4)
        return torch.tanh(self.up2(F.leaky_relu(self.bn(self.up1(x)), 0.2)))


class Shuffler(nn.Module):
    """A generator with pixel shuffle, of a code [8, 3, 4], grey."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(8, 12, 3, padding=1)
        self.norm = nn.GroupNorm(3, 12)
        self.act = nn.PReLU(12)
        self.last = nn.Conv2d(3, 1, 3, padding=1, padding_mode='reflect')

    def forward(self, code):
        return torch.sigmoid(self.last(F.pixel_shuffle(self.act(self.norm(self.conv(code))), 2)))


class Vit(nn.Module):
    """A small vision transformer: patches, a class token, attention written out, layer norms, GELU."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 12, 4, 4)
        self.token = nn.Parameter(torch.randn(1, 1, 12))
        self.place = nn.Parameter(torch.randn(1, 17, 12))
        self.norm1 = nn.LayerNorm(12)
        self.qkv = nn.Linear(12, 36)
        self.out = nn.Linear(12, 12)
        self.norm2 = nn.LayerNorm(12)
        self.mlp = nn.Sequential(nn.Linear(12, 24), nn.GELU(), nn.Linear(24, 12))
        self.head = nn.Linear(12, 5)

    def attend(self, x):
        n, tokens, width = x.shape
        q, k, v = self.qkv(x).reshape(n, tokens, 3, 2, width // 2).permute(2, 0, 3, 1, 4).unbind(0)
        share = ((q @ k.transpose(-2, -1)) / math.sqrt(width // 2)).softmax(-1)
        return self.out((share @ v).transpose(1, 2).reshape(n, tokens, width))

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1) + self.place
        x = x + self.attend(self.norm1(x))
        x = x + self.mlp(self.norm2(x))
        return self.head(x[:, 0])


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.ELU(), nn.Conv2d(6, 8, 3, 2, 1), nn.SiLU())
        self.mid = nn.Conv2d(8, 6, 3, padding=1)
        self.up = nn.Upsample(scale_factor=2, mode='nearest')
        self.last = nn.Conv2d(6, 3, 3, padding=1)

    def forward(self, x):
        y = self.up(F.softplus(self.mid(self.down(x))))
        y = F.interpolate(y, size=x.shape[2:], mode='bilinear', align_corners=False)
        return torch.sigmoid(self.last(y))


VIDEO = {0: 'batch', 1: 'time'}
BATCH = {0: 'batch'}
MODELS = [
    # name, model, shape of the input, opset, open axes
    ('resnet', ResNet(), (2, 3, 32, 32), 13, BATCH),
    ('mobile', Mobile(), (1, 3, 24, 24), 14, {}),
    ('lrcn', Lrcn(), (2, 5, 3, 16, 16), 11, VIDEO),
    ('gru-both-ways', GruBothWays(), (1, 5, 3, 16, 16), 13, {}),
    ('time-first', TimeFirst(), (5, 2, 3, 16, 16), 12, {0: 'time', 1: 'batch'}),
    ('one-video', OneVideo(), (5, 3, 16, 16), 13, {0: 'time'}),
    ('clips', Clips(), (1, 3, 8, 12, 12), 12, BATCH),
    ('frame-attention', FrameAttention(), (1, 6, 3, 16, 16), 14, {}),
    ('generator', Generator(), (2, 12), 9, BATCH),
    ('shuffler', Shuffler(), (1, 8, 3, 4), 16, BATCH),
    ('vit', Vit(), (2, 3, 16, 16), 17, BATCH),
    ('autoencoder', Autoencoder(), (2, 3, 16, 16), 15, {0: 'batch', 2: 'height', 3: 'width'}),
]


def randomise(model):
    """Statistics of batch norms as training would leave them: not 0 and 1."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 1.5)


def main():
    for name, model, shape, opset, axes in MODELS:
        torch.manual_seed(len(name))
        for parameter in model.parameters():
            if parameter.dim() > 1:
                nn.init.kaiming_normal_(parameter)
            else:
                nn.init.normal_(parameter, 0.1, 0.2)
        randomise(model)
        model.eval()
        path = os.path.join(HERE, f'{name}.onnx')
        torch.onnx.export(
            model,
            torch.randn(shape),
            path,
            opset_version=opset,
            input_names=['input'],
            output_names=['output'],
            dynamic_axes={'input': axes} if axes else None,
        )
        print(name, os.path.getsize(path), 'bytes')


main()
