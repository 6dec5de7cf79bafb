from collections.abc import Callable

import pytest
import torch
from torchvision.transforms import functional

from geoloc.models.augments.colour import change_brightness, change_contrast, change_saturation

FACTORS = [0.0, 0.4, 1.0, 1.7]
Change = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@pytest.mark.parametrize(
    ("change", "reference"),
    [
        (change_brightness, functional.adjust_brightness),
        (change_contrast, functional.adjust_contrast),
        (change_saturation, functional.adjust_saturation),
    ],
)
def test_every_image_is_changed_by_its_factor_as_in_torchvision(
    change: Change, reference: Callable[[torch.Tensor, float], torch.Tensor]
) -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (len(FACTORS), 3, 8, 9), generator=generator).float()
    found = change(images, torch.tensor(FACTORS, dtype=torch.float64))
    expected = [255 * reference(x / 255, f) for x, f in zip(images, FACTORS, strict=True)]
    torch.testing.assert_close(found, torch.stack(expected), rtol=0, atol=1e-3)
    assert found.min() >= 0
    assert found.max() <= 255
    torch.testing.assert_close(found[2], images[2], rtol=0, atol=1e-4)
