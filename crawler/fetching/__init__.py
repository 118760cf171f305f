"""Everything that depends on Scrapy: settings, pace, retries, pipelines and the one runner of a crawl."""
