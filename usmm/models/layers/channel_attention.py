"""Channel attention on a raw image: which of the colour channels matters in this image."""

from __future__ import annotations

from torch import Tensor, nn

from usmm.registry import MODELS

GATES = ('softmax', 'sigmoid')


@MODELS.register_module()
class ChannelAttention(nn.Module):
    """Weigh the channels of an image by a gate on their means: I' = I * g(GAP(I)).

    g is two fully connected layers with ReLU between, and a softmax over the channels or a sigmoid of each.

    Args:
        in_channels: Channels C of the image.
        hidden_channels: Width between the two fully connected layers.
        gate: `'softmax'` (the weights of an image sum to 1) or `'sigmoid'`.

    Raises:
        ValueError: If the gate is unknown, or a number of channels is not an integer of 1 or more.

    References:
        Meng et al., IEEE TMI 2022, eq. 1.

    Example:
        >>> import torch
        >>> attention = ChannelAttention()
        >>> sum(p.numel() for p in attention.parameters())
        73
        >>> attention(torch.rand(2, 3, 8, 8)).shape
        torch.Size([2, 3, 8, 8])
    """

    def __init__(self, in_channels: int = 3, hidden_channels: int = 10, gate: str = 'softmax') -> None:
        super().__init__()
        if gate not in GATES:
            raise ValueError(f'gate of ChannelAttention must be one of {GATES}, got {gate!r}')
        for setting, number in {'in_channels': in_channels, 'hidden_channels': hidden_channels}.items():
            if not isinstance(number, int) or number < 1:
                raise ValueError(f'{setting} of ChannelAttention must be an integer of 1 or more, got {number!r}')
        self.gate = gate
        self.squeeze = nn.Linear(in_channels, hidden_channels)
        self.excite = nn.Linear(hidden_channels, in_channels)

    def weights(self, image: Tensor) -> Tensor:
        """The weight of each channel (B, C) of images (B, C, H, W).

        Raises:
            ValueError: The images have another shape.
            TypeError: They are not a tensor of floating-point numbers.
        """
        channels = self.squeeze.in_features
        if not isinstance(image, Tensor):
            raise TypeError(f'ChannelAttention expects images (B, {channels}, H, W), got a {type(image).__name__}')
        if image.ndim != 4 or image.shape[1] != channels:
            raise ValueError(f'ChannelAttention expects images (B, {channels}, H, W), got {tuple(image.shape)}')
        if not image.is_floating_point():
            raise TypeError(f'ChannelAttention expects floating-point images, got {image.dtype}')
        scores = self.excite(self.squeeze(image.mean(dim=(2, 3))).relu())
        return scores.softmax(dim=1) if self.gate == 'softmax' else scores.sigmoid()

    def forward(self, image: Tensor) -> Tensor:
        """The weighted images (B, C, H, W)."""
        return image * self.weights(image)[:, :, None, None]

    def extra_repr(self) -> str:
        """Shown by print(model)."""
        return f'gate={self.gate!r}'
