"""Everything that depends on Scrapy: settings, rate limits, retries, pipelines and the runner of a crawl."""
