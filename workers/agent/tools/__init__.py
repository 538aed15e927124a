"""What a model may do in a world. `names` is plain; `bound` alone imports Inspect."""
