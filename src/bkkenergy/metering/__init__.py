"""What meters counted, made into energy of intervals, demand and data quality."""
