"""The M-step. Start at loop.py: train until D_val says stop, keep the best.

what is trained on    dataset (tokens, rows), batches (updates, passes), collate (tensors, masks)
how                   loss, trainer (Hugging Face's, bent), settings, model (reading, LoRA), meter
how far               plan, checks (of D_val), checkpoints, export
where                 fit (one process's share), job; apart, launch, leg (torchrun), on_ray
"""
