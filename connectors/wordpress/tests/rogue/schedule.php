<?php
// A job that WP-Cron is to do; see tests/lab/mu-plugins/lab.php.
return wp_schedule_single_event( time() - 1, 'lab_tick', array( wp_rand() ) );
