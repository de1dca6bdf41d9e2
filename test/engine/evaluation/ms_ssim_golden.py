"""Reference values of MS-SSIM for ms-ssim.test.ts, by numpy and scipy, written from the paper and not from our code.
Usage: python3 test/engine/evaluation/ms_ssim_golden.py   (made with numpy 2.4.6, scipy 1.17.1)
"""
import json
import numpy as np
from scipy.signal import convolve2d
from scipy.ndimage import uniform_filter

EXPONENTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])


def picture(width, height, phase, grain):
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing='ij')
    i = (y * width + x) * 3 + c
    noise = (i * 7919 + int(phase) * 104729) % 251
    wave = 127 + 90 * np.sin(x / 7 + phase + c) * np.cos(y / 5 - phase)
    return np.clip(np.floor(wave * (1 - grain) + noise * grain), 0, 255)


def window():
    x = np.arange(11) - 5
    k = np.exp(-x ** 2 / (2 * 1.5 ** 2))
    k = np.outer(k, k)
    return k / k.sum()


def single(a, b):
    mean = lambda z: convolve2d(z, window(), mode='valid')
    ma, mb = mean(a), mean(b)
    va, vb, vab = mean(a * a) - ma ** 2, mean(b * b) - mb ** 2, mean(a * b) - ma * mb
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    cs = (2 * vab + c2) / (va + vb + c2)
    return (cs * (2 * ma * mb + c1) / (ma ** 2 + mb ** 2 + c1)).mean(), cs.mean()


def half(z):
    h, w = (z.shape[0] // 2) * 2, (z.shape[1] // 2) * 2
    # uniform_filter with origin -1 averages each pixel with its right and lower neighbours.
    return uniform_filter(z[:h, :w], 2, origin=-1)[::2, ::2]


def ms_ssim(a, b):
    scales = 0
    side = min(a.shape[:2])
    while side >= 11 and scales < 5:
        side //= 2
        scales += 1
    exponents = EXPONENTS[:scales] / EXPONENTS[:scales].sum()
    values = []
    for c in range(3):
        x, y, parts = a[..., c], b[..., c], []
        for s in range(scales):
            full, structure = single(x, y)
            parts.append(max(0.0, full if s == scales - 1 else structure))
            x, y = half(x), half(y)
        values.append(np.prod(np.array(parts) ** exponents))
    return float(np.mean(values))


cases = [[64, 64, 1, 1.05, 0.1], [64, 64, 1, 2, 0.3], [200, 180, 1, 1.2, 0.2], [33, 47, 3, 3.1, 0.5], [64, 64, 1, 1.6, 0.6]]
print(json.dumps([[*c, ms_ssim(picture(c[0], c[1], c[2], c[4]), picture(c[0], c[1], c[3], c[4]))] for c in cases]))
