"""Policy papers, news and announcements: fetched politely and safely, cleaned, and kept once each."""
