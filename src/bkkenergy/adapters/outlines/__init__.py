"""Outlines of roofs out of files: GeoJSON, OpenStreetMap, KML, DXF and shapefile."""

__all__ = ["dxf", "footprint", "geojson", "kml", "metres", "osm", "read", "shapefile"]
