"""One modality against two and more, and the networks of other papers (Tables 2 to 4, without active learning)."""

title = 'Liver fibrosis: modalities and networks'
config = '../mmfn_al_r50.py'
reference = 'LSTE (ResNet)'
published = 'MMFN-AL, 168 patients of one hospital, one split 80/20'

_mono = {'model.fusion': dict(_delete_=True, type='PoolFusion')}
variants = [
    dict(name='LSTE (ResNet)', options={'modalities': ('lste',), **_mono},
         published=dict(accuracy='55.88', auc='.8443')),
    dict(name='LUS (ResNet)', options={'modalities': ('lus',), **_mono}, published=dict(accuracy='32.35', auc='.7494')),
    dict(name='LSTQ (ResNet)', options={'modalities': ('lstq',), **_mono},
         published=dict(accuracy='47.06', auc='.7587')),
    dict(name='LSTE (DLRE)', options={
        'modalities': ('lste',), **_mono, 'resnet': dict(_delete_=True, type='DLRE'), 'lr': 1e-3},
         published=dict(accuracy='61.76', auc='.8419')),
    dict(name='LSTE+LUS', options={'modalities': ('lste', 'lus')}, published=dict(accuracy='58.82', auc='.8884')),
    dict(name='LSTE+LSTQ', options={'modalities': ('lste', 'lstq')}, published=dict(accuracy='64.71', auc='.8750')),
    dict(name='LSTE+SSTE', options={'modalities': ('lste', 'sste')}, published=dict(accuracy='61.76', auc='.8413')),
]
