"""Trained models as folders and graphs that run elsewhere."""

from geoloc.export.bundle_export import Exported, export_bundle, export_onnx

__all__ = ["Exported", "export_bundle", "export_onnx"]
