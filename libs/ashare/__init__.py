"""The A-share rulebook: boards, bands, lots, fees, phases and calendar, as dated data with sources."""
