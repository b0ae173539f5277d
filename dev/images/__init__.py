"""The two images: what they stand on, their builds, and a first start on other bases than CI's."""
