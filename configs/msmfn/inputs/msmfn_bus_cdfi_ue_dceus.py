"""MSMFN with bus, cdfi, ue, dceus only (a row of the paper's Table V)."""

_base_ = '../msmfn_r50_r2plus1d.py'

modalities = ('bus', 'cdfi', 'ue', 'dceus')
