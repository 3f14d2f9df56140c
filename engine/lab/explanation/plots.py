"""The picture that explains a picture, drawn with matplotlib."""

from __future__ import annotations

import textwrap

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from engine.lab.explanation.record import Record

WIDTH, CURVES = 15.0, 6.1  # inches: of all, and the height of what is below the pictures
TITLE, TALLEST = 0.5, 4.0  # inches: above a picture, and the most that one is high
DPI = 100  # pixels an inch
IN_A_ROW = 7  # pictures
PAPER, INK, GREY = "#faf8f3", "#282623", "#6e6962"
FORMULA = (
    r"$\mathcal{L} = \alpha\,\mathcal{L}_{content} + \beta\,\mathcal{L}_{style}$,   "
    r"$\mathcal{L}_{content} = \frac{1}{2}\sum_{ij}(F^l_{ij} - P^l_{ij})^2$,   "
    r"$\mathcal{L}_{style} = \sum_l w_l E_l$,   "
    r"$E_l = \frac{1}{4 N_l^2 M_l^2}\sum_{ij}(G^l_{ij} - A^l_{ij})^2$,   "
    r"$G^l_{ij} = \sum_k F^l_{ik} F^l_{jk}$"
)


def draw(record: Record, line: str) -> Tensor:
    """(1, 3, H, W) in 0..1: the pictures above, the curves below, the recipe's line at the foot."""
    titles = ["photo p", "artwork a", *(f"x after step {index}" for index, _ in record.stations)]
    pictures = [record.photo, record.style, *(x for _, x in record.stations)]
    columns, rows = min(len(pictures), IN_A_ROW), -(-len(pictures) // IN_A_ROW)
    highest = max(picture.shape[1] / picture.shape[2] for picture in pictures)
    height = CURVES + rows * (TITLE + min(TALLEST, highest * 0.9 * WIDTH / columns))
    figure = Figure((WIDTH, height), DPI, facecolor=PAPER)
    canvas = FigureCanvasAgg(figure)
    grid = figure.subplots(
        rows,
        columns,
        gridspec_kw={**_inside((CURVES - 0.2) / height, 1 - TITLE / height), "wspace": 0.05, "hspace": 0.15},
        squeeze=False,
    )
    cells = grid.ravel()
    for axes in cells:
        axes.axis("off")
        axes.set_anchor("N")
    for axes, title, picture in zip(cells, titles, pictures, strict=False):
        axes.imshow(picture.detach().float().clamp(0, 1).permute(1, 2, 0).cpu().numpy())
        axes.set_title(title, color=INK, fontsize=12 if rows == 1 else 10)
    losses, energies = figure.subplots(
        1, 2, gridspec_kw={**_inside(1.9 / height, (CURVES - 0.7) / height), "wspace": 0.22}
    )
    _losses(losses, record)
    _energies(energies, record)
    figure.text(0.5, 1.0 / height, FORMULA, color=INK, fontsize=12, ha="center")
    figure.text(
        0.5, 0.2 / height, "\n".join(textwrap.wrap(line, 150)), color=GREY, fontsize=10, ha="center", va="bottom"
    )
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3].copy()
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255


def _inside(bottom: float, top: float) -> dict[str, float]:
    return {"left": 0.06, "right": 0.98, "bottom": bottom, "top": top}


def _losses(axes: Axes, record: Record) -> None:
    index, total, content, style = zip(*record.steps, strict=True)
    axes.loglog(index, content, color="#2f6f9f", label=r"$\mathcal{L}_{content}$")
    axes.loglog(index, style, color="#c2552d", label=r"$\mathcal{L}_{style}$")
    axes.loglog(index, total, color=INK, linewidth=1, linestyle=":", label=r"$\mathcal{L}$")
    for number, begin in enumerate(record.scales):
        axes.axvline(begin, color=GREY, linewidth=0.7, label="a larger size begins" if not number else None)
    _finish(axes, "What the optimiser sees")


def _energies(axes: Axes, record: Record) -> None:
    shades = np.linspace(0.85, 0.1, len(record.energies))
    for (layer, points), shade in zip(record.energies.items(), shades, strict=True):
        index, energy = zip(*points, strict=True)
        axes.loglog(
            index, energy, color=colormaps["viridis"](shade), marker="o", markersize=3, label=f"$E$ of {layer}"
        )
    _finish(axes, "What is still missing of the style, by layer")


def _finish(axes: Axes, title: str) -> None:
    axes.set_title(title, color=INK, fontsize=12)
    axes.set_xlabel("step", color=INK)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_facecolor(PAPER)
    axes.grid(color="#e8e4db")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9, ncols=2)
