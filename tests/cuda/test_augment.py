import torch

from geoloc.models.augments import BatchAugment


def test_a_gpu_augments_as_the_cpu(cuda: torch.device) -> None:
    augment = BatchAugment(
        scale=56, crop_ratio_range=(0.3, 1.0), flip_prob=0.5, degrees=180.0, contrast=0.3
    )
    images = torch.randint(0, 256, (8, 3, 64, 64), dtype=torch.uint8)
    state = torch.get_rng_state()
    expected = augment(images)
    torch.set_rng_state(state)
    with torch.autocast("cuda", torch.float16):
        found = augment(images.to(cuda))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.cpu(), expected, rtol=0, atol=0.05)
