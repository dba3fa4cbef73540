"""Clips: video files, GIF and DICOM cine loops, as frames in time order."""
