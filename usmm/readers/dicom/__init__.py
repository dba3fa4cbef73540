"""DICOM files: facts, pixels, ultrasound regions."""
