"""What a real installation is tried with: tools by version, images, and a node with kubelet and containerd."""
