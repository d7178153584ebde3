<?php
// What a web server's rewrite rules do: WordPress' pages under the path of each blog, everything else to index.php.
$root = $_SERVER['DOCUMENT_ROOT'];
$path = urldecode( parse_url( $_SERVER['REQUEST_URI'], PHP_URL_PATH ) );
if ( preg_match( '#^/(?:(?!wp-)[a-z0-9-]+/)?((?:wp-admin|wp-content|wp-includes)(?:/.*)?|[\w-]+\.php)$#', $path, $lab_found ) ) {
	$file = "$root/{$lab_found[1]}";
	$file = is_dir( $file ) ? rtrim( $file, '/' ) . '/index.php' : $file;
	if ( is_file( $file ) && str_ends_with( $file, '.php' ) ) {
		$_SERVER['SCRIPT_FILENAME'] = $file;
		$_SERVER['PHP_SELF']        = str_ends_with( $path, '.php' ) ? $path : rtrim( $path, '/' ) . '/index.php';
		$_SERVER['SCRIPT_NAME']     = $_SERVER['PHP_SELF'];
		chdir( dirname( $file ) );
		require $file;
		return true;
	}
	if ( is_file( $file ) ) {
		readfile( $file );
		return true;
	}
}
$_SERVER['SCRIPT_FILENAME'] = "$root/index.php";
$_SERVER['PHP_SELF']        = '/index.php';
$_SERVER['SCRIPT_NAME']     = '/index.php';
chdir( $root );
require "$root/index.php";
