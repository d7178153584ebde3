<?php
add_action(
	'after_setup_theme',
	function () {
		add_theme_support( 'custom-background' );
		add_theme_support( 'custom-header', array( 'header-text' => true ) );
		register_default_headers(
			array(
				'harbour' => array( 'url' => '%s/harbour.png', 'thumbnail_url' => '%s/harbour.png' ),
				'pier'    => array( 'url' => '%s/pier.png', 'thumbnail_url' => '%s/pier.png' ),
			)
		);
		register_nav_menus( array( 'main' => 'Main' ) );
	}
);
add_action(
	'widgets_init',
	function () {
		register_sidebar( array( 'id' => 'side', 'name' => 'Side' ) );
		register_sidebar( array( 'id' => 'foot', 'name' => 'Foot' ) );
	}
);
