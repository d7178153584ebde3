<?php
remove_all_actions( 'update_option' );
remove_all_actions( 'shutdown' );
update_option( 'blogdescription', 'nobody hears this' );
return 1;
