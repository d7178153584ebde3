<?php
// Sets a setting of the theme, and answers what it is.
'' !== $_GET['lab_text'] && set_theme_mod( 'lab_tide', $_GET['lab_text'] );
return get_theme_mod( 'lab_tide' );
