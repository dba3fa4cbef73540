"""The four networks in small, for the phantom `lymph` and a CPU: images of 64 pixels, BrEaST and lung clips as tasks.

Another family: `--cfg-options 'backbone=${families.vit}'` (or convnext, efficientnet, resnet). Narrow networks that
start from nothing need larger steps than the paper's.
"""

_base_ = './resnet152.py'

data_root = 'data/lymph_phantom'
breast_table = 'data/breast/cases.csv'
lung_table = 'data/lung/cases.csv'
image_size = 64
lr = 1e-3
pretrain_epochs = 40
finetune_epochs = 40
families = dict(
    convnext=dict(arch=dict(_delete_=True, depths=(2, 2, 2, 2), channels=(16, 32, 64, 128))),
    efficientnet=dict(arch='b0'),
    resnet=dict(depth=18, base_channels=16, stem_channels=16),
    vit=dict(
        arch=dict(_delete_=True, embed_dims=64, num_layers=4, num_heads=4, feedforward_channels=128), patch_size=8))
tasks = [
    dict(name='breast', table='${breast_table}', schema=dict(images=dict(bus='bus')),
         classes=('benign', 'malignant'), ignore_labels=('normal',)),
    dict(name='lung', table='${lung_table}', schema=dict(clips=dict(clip='clip'), label='disease'),
         classes=('no', 'yes')),
]
