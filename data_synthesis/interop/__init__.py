"""Other people's formats: upstream ASTRA's records and released rows in, rows and Hugging Face data sets out."""

from data_synthesis.interop.convert import TARGETS, convert_file
from data_synthesis.interop.dataset import read_dataset, write_dataset
from data_synthesis.interop.entry import enter_pipeline
from data_synthesis.interop.files import read_any, read_arenas
from data_synthesis.interop.licences import given_licences

__all__ = [
    "TARGETS",
    "convert_file",
    "enter_pipeline",
    "given_licences",
    "read_any",
    "read_arenas",
    "read_dataset",
    "write_dataset",
]
