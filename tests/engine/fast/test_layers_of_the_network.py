"""The network's own layers compute what torch's do, forwards and backwards, in fewer passes."""

import pytest
import torch
import torch.nn.functional as fn

from engine.fast.layers import Conv, Enlarging
from engine.fast.normalise import EPSILON, normalised


@pytest.mark.parametrize(
    ("side", "stride", "height", "width"),
    [(3, 1, 40, 33), (3, 2, 41, 48), (3, 2, 40, 47), (7, 1, 64, 60), (5, 1, 20, 50)],
)
def test_a_convolution_pads_by_reflection_without_padding_its_input(side, stride, height, width) -> None:
    torch.manual_seed(1)
    conv, x = Conv(4, 6, side, stride), torch.randn(1, 4, height, width).contiguous(memory_format=torch.channels_last)
    p = side // 2
    wanted = fn.conv2d(fn.pad(x, (p, p, p, p), mode="reflect"), conv.weight, conv.bias, stride)
    with torch.no_grad():
        assert torch.allclose(conv(x), wanted, atol=1e-5)
    assert torch.allclose(conv(x), wanted, atol=1e-5)  # where a gradient is wanted


def test_enlarging_is_repeating_every_position_and_a_convolution_padded_by_reflection() -> None:
    torch.manual_seed(2)
    layer, x = Enlarging(4, 6), torch.randn(2, 4, 9, 7)
    repeated = fn.interpolate(x, scale_factor=2.0, mode="nearest")
    wanted = fn.conv2d(fn.pad(repeated, (1, 1, 1, 1), mode="reflect"), layer.weight, layer.bias)
    assert torch.allclose(layer(x), wanted, atol=1e-5)


def test_every_photo_is_normalised_by_itself_and_gets_its_own_gamma_and_beta() -> None:
    torch.manual_seed(3)
    h = 2 + 3 * torch.randn(2, 5, 6, 7)
    gamma, beta = torch.randn(2, 5), torch.randn(2, 5)
    mean, variance = h.mean((2, 3), keepdim=True), h.var((2, 3), keepdim=True, correction=0)
    wanted = (h - mean) / (variance + EPSILON).sqrt() * gamma[..., None, None] + beta[..., None, None]
    assert torch.allclose(normalised(h, gamma, beta), wanted, atol=1e-5)
    with torch.no_grad():
        assert torch.allclose(normalised(h, gamma, beta), wanted, atol=1e-5)
        assert torch.allclose(normalised(h[:1], gamma[:1], beta[:1]), wanted[:1], atol=1e-5)


def test_the_gradient_of_normalising_is_that_of_finite_differences() -> None:
    torch.manual_seed(4)
    h = torch.randn(2, 3, 4, 5).double().contiguous(memory_format=torch.channels_last).requires_grad_()
    gamma, beta = (torch.randn(2, 3).double().requires_grad_() for _ in range(2))
    assert torch.autograd.gradcheck(normalised, (h, gamma, beta), atol=1e-4, eps=1e-4)
