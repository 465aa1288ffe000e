"""Leadership: drawing the lottery in every slot, and building the block when it is won."""
