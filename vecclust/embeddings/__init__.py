"""Photos and words to unit vectors, with an OpenCLIP model.

Knows which model is meant, where its weights lie, on which device and in which precision it runs best. Refuses to
know files, formats and decoding: pictures arrive as uint8 frames, already cut as the model's `Framing` asks.
Every vector has norm 1 and is finite; vector i belongs to frame i; `model_id` tells the vectors of two models apart.
Nothing is fetched while the weights are on this computer. torch and open_clip are imported by `load` and
`load_captioner` alone.
"""

from __future__ import annotations

from vecclust.embeddings.captioning import Captioner, load_captioner
from vecclust.embeddings.embedder import Embedder, give_memory_back, load, load_few, load_texts
from vecclust.embeddings.names import BUNDLED_FOLDER, ModelName
from vecclust.embeddings.texts import TextEmbedder
from vecclust.embeddings.vocabulary import COMMON_WORDS, Vocabulary, find_vocabulary, naming_words
from vecclust.embeddings.weights import find_weights, usable_models

__all__ = [
    "BUNDLED_FOLDER",
    "COMMON_WORDS",
    "Captioner",
    "Embedder",
    "ModelName",
    "TextEmbedder",
    "Vocabulary",
    "find_vocabulary",
    "find_weights",
    "give_memory_back",
    "load",
    "load_captioner",
    "load_few",
    "load_texts",
    "naming_words",
    "usable_models",
]
