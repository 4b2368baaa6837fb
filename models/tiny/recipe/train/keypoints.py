"""Trains the reader of keypoints (networks/keypoint_reader.py), which tells whether portraits have eyes, a nose and a mouth.

Half of what it sees has lost some of them: painted over with skin or with a dark hollow, blurred away, or blurred as a whole. It
has to say so.
"""

import torch
from torch import nn

from .networks.keypoint_reader import GRID, POINTS, SQUARE, KeypointReader
from .photos import PhotoSet
from .squares import cut, square_around, within
from .stage import Training, read_options

# Where a square may lie: shifted by so much of its side, and larger or smaller by so much. A detector's error is a small part of that.
_SHIFT, _SCALE = 0.1, 0.15
# Standard deviations of a blur, in pixels of the square, of which an eye is 10 wide and 5 high: a part is still
# there up to the first, and gone from the second on. In between nothing is taught.
_SOFT, _GONE = 1.2, 2.2
_MOST_GONE = 8.0
# Eye, nose and mouth, as the points that belong to them; half the size of what hides them, in the square's side.
_PARTS = (((0,), (0.13, 0.09)), ((1,), (0.13, 0.09)), ((2,), (0.11, 0.11)), ((3, 4), (0.24, 0.12)))


def blurred(images: torch.Tensor, deviation: torch.Tensor) -> torch.Tensor:
    """images [N, 3, S, S], each with a Gaussian of its own standard deviation [N] in pixels."""
    reach = torch.arange(-16, 17, device=images.device)
    weights = torch.exp(-0.5 * (reach / deviation[:, None].clamp(min=0.05)).square())
    weights = (weights / weights.sum(1, keepdim=True)).repeat_interleave(3, 0)[:, None]  # [3 N, 1, 33]
    flat = nn.functional.pad(images.flatten(0, 1)[None], (16, 16, 16, 16), mode="replicate")
    flat = nn.functional.conv2d(flat, weights[:, :, None], groups=len(weights))
    return nn.functional.conv2d(flat, weights[..., None], groups=len(weights))[0].unflatten(0, images.shape[:2])


def hide(squares: torch.Tensor, points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Takes parts of faces away, each with a probability of a half: blurs them, or paints the skin of another place over them.

    squares: [N, 3, S, S]; points: [N, 5, 2] as shares of the side
    Returns the squares and which points are still there, bool [N, 5].
    """
    count, device = len(squares), squares.device
    there = torch.ones(count, POINTS, dtype=torch.bool, device=device)
    axis = (torch.arange(SQUARE, device=device) + 0.5) / SQUARE
    smudged = blurred(squares, _GONE + (_MOST_GONE - _GONE) * torch.rand(count, device=device))
    for members, size in _PARTS:
        hidden = torch.rand(count, device=device) < 0.5
        middle = points[:, list(members)].mean(1)
        reach = torch.tensor(size, device=device) * (1 + 0.3 * torch.rand(count, 1, device=device))
        across, down = ((axis - middle[:, k, None]) / reach[:, k, None] for k in (0, 1))
        distance = (across[:, None, :].square() + down[:, :, None].square()).sqrt()
        cover = torch.sigmoid((1 - distance) * 8)[:, None] * hidden[:, None, None, None]
        # Skin of a cheek or of the forehead; lips and brows may be in it, but not all of a part.
        cheek = points[:, :2].mean(1) * 0.4 + points[:, 3:].mean(1) * 0.6
        cheek = cheek + torch.tensor([0.22, 0.0], device=device) * (2 * torch.rand(count, 1, device=device) - 1).sign()
        forehead = points[:, :2].mean(1) - torch.tensor([0.0, 0.3], device=device)
        source = torch.where(torch.rand(count, 1, device=device) < 0.6, cheek, forehead)
        # A painter that has lost an eye may leave a dark hollow.
        depth = 0.9 * torch.rand(count, 1, 1, device=device) * (torch.rand(count, 1, 1, device=device) < 0.5)
        hollow = 1 - depth * torch.exp(-((1.6 * distance) ** 2))
        skin = _moved(squares, source - middle) * hollow[:, None]
        filling = torch.where(torch.rand(count, 1, 1, 1, device=device) < 0.5, smudged, skin)
        squares = squares + cover * (filling - squares)
        for k in members:
            there[:, k] &= ~hidden
    return squares, there


def _moved(squares: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
    """What each square has at a distance, which is a share of its side [N, 2]."""
    centre = torch.full((len(squares), 2), (SQUARE - 1) / 2, device=squares.device)
    side = torch.full((len(squares),), float(SQUARE), device=squares.device)
    return cut(squares, centre + SQUARE * offset, side, SQUARE)


def as_painted(squares: torch.Tensor) -> torch.Tensor:
    """As other cameras and painters would have it: brighter or darker, of other colours, a little softer, with noise."""
    count, device = len(squares), squares.device
    gain = 1 + 0.15 * torch.randn(count, 1, 1, 1, device=device) + 0.05 * torch.randn(count, 3, 1, 1, device=device)
    squares = blurred(squares * gain, _SOFT * torch.rand(count, device=device))
    noise = 8 * torch.rand(count, 1, 1, 1, device=device) ** 2
    return (squares + noise * torch.randn_like(squares)).clamp(0, 255)


def keypoint_loss(scores: torch.Tensor, points: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
    """Cross-entropy among all cells and nowhere, with the point's share in the four cells around it.

    scores: [N, 5, G, G]; points: [N, 5, 2] as shares of the side; there: bool [N, 5], also False for those beyond the square
    """
    place = points * GRID - 0.5
    axis = torch.arange(GRID, device=scores.device)
    x, y = ((1 - (place[..., k, None] - axis).abs()).clamp(min=0) for k in (0, 1))
    target = (y[..., :, None] * x[..., None, :] * there[..., None, None]).flatten(2)
    logits = torch.cat([scores.flatten(2), torch.zeros_like(scores[:, :, :1, 0])], 2)
    target = torch.cat([target, 1 - target.sum(2, keepdim=True)], 2)
    return -(target * nn.functional.log_softmax(logits, 2)).sum(2).mean()


def main(argv: list[str] | None = None) -> None:
    options = read_options("keypoints", __doc__, argv)
    photos, size = PhotoSet(options.workspace.data / "people-train", options.device), options.size.keypoints
    reader = KeypointReader(size).to(memory_format=torch.channels_last)

    def step(progress: float) -> dict[str, torch.Tensor]:
        rows, device = photos.draw(size.batch), photos.device
        taken = torch.rand(size.batch, 1, 1, 1, device=device) < 0.5
        images = torch.where(taken, photos.images(rows), photos.clean(rows))
        keypoints = photos.keypoints[rows]
        centres, sides = square_around(keypoints)
        centres = centres + sides[:, None] * _SHIFT * torch.randn(size.batch, 2, device=device).clamp(-2, 2)
        sides = sides * (1 + _SCALE * (2 * torch.rand(size.batch, device=device) - 1))
        squares, points = cut(images, centres, sides, SQUARE), within(keypoints, centres, sides)
        there = torch.ones(size.batch, POINTS, dtype=torch.bool, device=device)
        # The first quarter has lost some parts, the second all of them, the rest none.
        quarter = size.batch // 4
        lost, remaining = hide(squares[:quarter], points[:quarter])
        gone = _GONE + (_MOST_GONE - _GONE) * torch.rand(quarter, device=device)
        squares = torch.cat([lost, squares[quarter:]])
        there[:quarter], there[quarter : 2 * quarter] = remaining, False
        squares = as_painted(squares)
        squares[quarter : 2 * quarter] = blurred(squares[quarter : 2 * quarter], gone)
        there &= ((points > 0.5 / GRID) & (points < 1 - 0.5 / GRID)).all(2)
        with options.autocast():
            scores = reader(squares / 127.5 - 1)
        return {"loss": keypoint_loss(scores.float(), points, there)}

    Training("keypoints", options, {"network": reader}, rate=3e-3, weight_decay=0.02, averaging=0.995).run(step)


if __name__ == "__main__":
    main()
