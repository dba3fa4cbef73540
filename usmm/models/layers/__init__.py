"""Small parts that encoders are made of."""

from usmm.models.layers.channel_attention import ChannelAttention
from usmm.models.layers.map_fusion import MapFusion
from usmm.models.layers.modality_interaction import ModalityInteraction

__all__ = ['ChannelAttention', 'MapFusion', 'ModalityInteraction']
