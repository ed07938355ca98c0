"""
Low-rank adapters for convolutions, transposed convolutions and linear layers.

A network is adapted to a new town, camera or weather by training about a hundredth of its
parameters: LoRA (Hu et al. 2021, https://arxiv.org/abs/2106.09685), DoRA (Liu et al. 2024,
https://arxiv.org/abs/2402.09353) and Conv-LoRA (Zhong et al. 2024,
https://arxiv.org/abs/2401.17868).
"""
