<?php
// What Stream asks before it records, with somebody who answers that nothing is to be recorded.
add_filter( 'wp_stream_is_record_excluded', '__return_true', 10 );
return apply_filters( 'wp_stream_is_record_excluded', false, array( 'connector' => 'posts', 'context' => 'post', 'action' => 'deleted', 'summary' => 'gone' ) );
