<?php
// More changes at once than the laboratory's outbox holds.
for ( $lab_number = 0; $lab_number < 250; ++$lab_number ) {
	update_option( "lab_flood_$lab_number", wp_rand() . ' flooded' );
}
return $lab_number;
