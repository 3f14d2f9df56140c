"""The pretrained networks that training learns from; none of them is needed at run time.

Their files are in the data folder (``teachers/``); its README gives layers and preprocessing. All take RGB in 0..1.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
import torch.nn.functional as fn
from safetensors.torch import load_file
from torch import Tensor, nn

from engine.encoders.slim import BRANCH
from engine.encoders.vgg import CONTENT_LAYERS, STYLE_LAYERS, TRUNK, unit_mean
from engine.train.data.folder import all_photos, picture

CALIBRATION_PHOTOS = 40


def _conv(x: Tensor, weights: dict[str, Tensor], name: str, padding: int = 0, stride: int = 1) -> Tensor:
    return fn.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], stride=stride, padding=padding)


def _conv3(x: Tensor, weights: dict[str, Tensor], name: str, mirrored: bool) -> Tensor:
    if mirrored:
        return _conv(fn.pad(x, (1, 1, 1, 1), mode="reflect"), weights, name)
    return _conv(x, weights, name, padding=1)


class Teacher(nn.Module):
    """Frozen weights by name, as one module.

    ``mirrored`` pads by reflection; zeros are quicker, and leave a frame in what is optimised.
    """

    def __init__(self, path: Path, mirrored: bool = True) -> None:
        super().__init__()
        self.mirrored = mirrored
        self.names = []
        for name, tensor in load_file(path).items():
            self.register_buffer(name.replace(".", "/"), tensor.float())
            self.names.append(name)

    @property
    def weights(self) -> dict[str, Tensor]:
        return {name: getattr(self, name.replace(".", "/")) for name in self.names}


class VGGTeacher(Teacher):
    """A VGG-19 with WCT's preprocessing convolution, reflection padding and average pooling.

    The distilled file holds every layer to conv5_1 at a quarter of the width, and read-outs ``convL1_aux``; the
    genuine one holds conv1_1 .. conv3_1 at full width.
    """

    def features(self, x: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """ReLU outputs of ``layers``; a style layer goes through its read-out where the file has one."""
        w, wanted, found = self.weights, set(layers), {}
        deepest = max(TRUNK.index(name) for name in wanted)
        h = _conv(x, w, "conv0")
        for name in TRUNK[: deepest + 1]:
            if name.endswith("_1") and name != "conv1_1":
                h = fn.avg_pool2d(h, 2)
            stored = name if f"{name}.weight" in w else name.replace("_", "")
            h = fn.relu(_conv3(h, w, stored, self.mirrored))
            if name in wanted:
                aux = f"{stored}_aux"
                found[name] = fn.relu(_conv(h, w, aux)) if f"{aux}.weight" in w else h
        return found


class SqueezeNet(Teacher):
    """SqueezeNet 1.0, padded so that its grids are those of the pictures halved, quartered, and so on.

    Departure: by reflection. The published network pads the 3x3 with zeros, which leaves a frame around pictures.
    """

    LAYERS = ("conv1", "fire2", "fire3", "fire4", "fire5", "fire6", "fire7", "fire8")

    def features(self, x: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """ReLU outputs of ``layers`` at 1/2 (conv1), 1/4 (fire2-4) and 1/8 (fire5-8) of an even-sized x."""
        w, wanted, found = self.weights, set(layers), {}
        bgr = x.flip(1) * 255 - torch.tensor((104.0, 117.0, 123.0), device=x.device).view(1, 3, 1, 1)
        # The published network does not pad here; (2, 3) keeps the grid at exactly half the picture's.
        h = fn.relu(_conv(fn.pad(bgr, (2, 3, 2, 3), mode="reflect"), w, "conv1", stride=2))
        for name in self.LAYERS:
            if name != "conv1":
                s = fn.relu(_conv(h, w, f"{name}.s"))
                h = fn.relu(torch.cat([_conv(s, w, f"{name}.e1"), _conv3(s, w, f"{name}.e3", self.mirrored)], 1))
            if name in wanted:
                found[name] = h
            if name == self.LAYERS[-1] or len(found) == len(wanted):
                break
            if name in ("conv1", "fire4"):
                h = fn.max_pool2d(h, 3, stride=2, ceil_mode=True)
        return found

    def scores(self, x: Tensor) -> Tensor:
        """How much each place of x (B, 3, H, W) speaks for each class of ImageNet: (B, 1000, h, w), at 1/16."""
        w, h = self.weights, fn.max_pool2d(self.features(x, ("fire8",))["fire8"], 3, stride=2, ceil_mode=True)
        s = fn.relu(_conv(h, w, "fire9.s"))
        h = fn.relu(torch.cat([_conv(s, w, "fire9.e1"), _conv3(s, w, "fire9.e3", self.mirrored)], 1))
        return fn.relu(_conv(h, w, "conv10"))


class TeacherEncoder(nn.Module):
    """Both teachers side by side as one encoder, normalised as Gatys does: each filter's mean activation is 1."""

    style_layers = (*STYLE_LAYERS, *(name for name in BRANCH if name != "fire7"))
    content_layers = CONTENT_LAYERS

    def __init__(self, folder: Path, mirrored: bool = True) -> None:
        super().__init__()
        self.vgg = VGGTeacher(folder / "vgg19-distilled-16x.safetensors", mirrored)
        self.squeeze = SqueezeNet(folder / "squeezenet-1.0.safetensors", mirrored)
        self.scale: dict[str, Tensor] = {}

    def calibrate(self, pictures: Iterable[Tensor]) -> None:
        """Measure each filter's mean activation over pictures (1, 3, H, W)."""
        self.scale = {}
        names = dict.fromkeys((*STYLE_LAYERS, *BRANCH, *CONTENT_LAYERS))
        with torch.no_grad():
            means = [{k: f.mean((0, 2, 3)) for k, f in self.features(x, names).items()} for x in pictures]
        for name in names:
            self.scale[name] = unit_mean(torch.stack([found[name] for found in means]).mean(0))

    def features(self, x: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        wanted = list(dict.fromkeys(layers))
        vgg = [name for name in wanted if name in TRUNK]
        squeeze = [name for name in wanted if name not in TRUNK]
        found = self.vgg.features(x, vgg) if vgg else {}
        found |= self.squeeze.features(x, squeeze) if squeeze else {}
        return {name: found[name] * self.scale.get(name, 1.0) for name in wanted}


def calibrated_teachers(data: Path, device: torch.device | str = "cpu") -> TeacherEncoder:
    """Both teachers, their filters' activations measured over some of the data folder's photos."""
    teachers = TeacherEncoder(data / "teachers").to(device)
    teachers.calibrate([picture(path, device, short=288) for path in all_photos(data)[:CALIBRATION_PHOTOS]])
    return teachers
