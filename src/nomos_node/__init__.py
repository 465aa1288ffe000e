"""nomos_node"""
