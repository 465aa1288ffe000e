module logos-blockchain-testing/test-cluster/pause

go 1.21
