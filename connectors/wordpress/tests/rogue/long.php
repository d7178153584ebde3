<?php
// A long value with everything that is escaped somewhere on the way; and another that is longer than an entry may be.
update_option( 'lab_long', str_repeat( "100% 'a' \"b\" \\n é😀 {curly} %s \n", 10000 ) );
update_option( 'lab_longest', str_repeat( 'y', 3000000 ) );
return strlen( get_option( 'lab_long' ) );
