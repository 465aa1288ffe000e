"""nomos_testing"""
