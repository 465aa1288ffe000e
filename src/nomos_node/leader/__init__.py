"""Leadership: draw the lottery in every slot, and build the block when it is won."""
