<?php
/**
 * The driver against the project's own declaration of Stream's interface: every captured record goes in, every captured
 * query and a grid of others is asked, and a model that looks at each record by itself says what must come out.
 */
namespace WP_Stream {
	interface DB_Driver {
		public function insert_record( $data );
		public function get_records( $args );
		public function get_column_values( $column );
		public function get_table_names();
		public function setup_storage( $plugin );
		public function purge_storage( $plugin );
	}
}

namespace {
	$_SERVER += array( 'HTTP_HOST' => getenv( 'LAB_HOST' ), 'REQUEST_URI' => '/', 'SERVER_PROTOCOL' => 'HTTP/1.1', 'REQUEST_METHOD' => 'GET' );
	require getenv( 'LAB_ROOT' ) . '/wp-load.php';
	$captured = json_decode( file_get_contents( $argv[1] ), true );
	$class    = apply_filters( 'wp_stream_db_driver', '\WP_Stream\DB_Driver_WPDB' );
	$driver   = new $class();
	$records  = array();
	foreach ( $captured['driver_payloads'] as $payload ) {
		$record = array_diff_key( $payload['record'], array( 'ID' => 1 ) );
		$id     = $driver->insert_record( $record );
		if ( ! is_int( $id ) || absint( $id ) !== $id ) {
			exit( "insert_record answered " . var_export( $id, true ) );
		}
		$records[ $id ] = array( 'ID' => (string) $id ) + $record;
	}
	count( $records ) === count( $captured['driver_payloads'] ) || exit( 'ids are not distinct' );
	\Indelible\Shipper::ship( 60.0, true );

	$is_in    = static fn ( $value, $list ) => in_array( strtolower( (string) $value ), array_map( fn ( $one ) => strtolower( (string) $one ), $list ), true );
	$matches  = static function ( array $record, array $args ) use ( $is_in ): bool {
		foreach ( array( 'user_id', 'user_role', 'ip', 'object_id', 'site_id', 'blog_id', 'connector', 'context', 'action' ) as $column ) {
			$value  = $record[ $column ] ?? null;
			$wanted = $args[ $column ] ?? null;
			if ( null !== $wanted && '' !== $wanted && ! $is_in( $value, array( $wanted ) )
				|| ! empty( $args[ "{$column}__in" ] ) && ! $is_in( $value, $args[ "{$column}__in" ] )
				|| ! empty( $args[ "{$column}__not_in" ] ) && $is_in( $value, $args[ "{$column}__not_in" ] ) ) {
				return false;
			}
		}
		$day    = get_date_from_gmt( $record['created'], 'Y/m/d' );
		$search = (string) ( $args['search'] ?? '' );
		$in     = 'ID' === ( $args['search_field'] ?? '' ) ? $search === $record['ID'] : false !== mb_stripos( $record[ $args['search_field'] ?? 'summary' ] ?? '', $search );
		return ( '' === $search || $in )
			&& ( empty( $args['date_from'] ) || $day >= $args['date_from'] ) && ( empty( $args['date_to'] ) || $day <= $args['date_to'] )
			&& ( empty( $args['record__in'] ) || $is_in( $record['ID'], $args['record__in'] ) )
			&& ( empty( $args['record__not_in'] ) || ! $is_in( $record['ID'], $args['record__not_in'] ) );
	};
	$base     = array( 'search_field' => 'summary', 'records_per_page' => 1000, 'paged' => 1, 'order' => 'desc', 'orderby' => 'date' );
	$ids      = array_map( 'strval', array_keys( $records ) );
	$queries  = array_column( $captured['query_args'], 'args' );
	foreach ( array( 'connector' => array( 'posts', 'users', 'shelf' ), 'context' => array( 'post', 'book', '' ), 'action' => array( 'updated', 'UPDATED' ), 'user_id' => array( '0', '1' ), 'blog_id' => array( '0', '1', '2' ), 'object_id' => array( '37', '7' ) ) as $column => $values ) {
		$queries[] = array( "{$column}__in" => array_filter( $values, 'strlen' ) ) + $base;
		$queries[] = array( "{$column}__not_in" => array_filter( $values, 'strlen' ) ) + $base;
		foreach ( $values as $value ) {
			$queries[] = array( $column => $value ) + $base;
		}
	}
	foreach ( array( 'menu', 'Spring menu', '"Spring', 'role was changed', 'no such thing', 'é', '*', '(' ) as $search ) {
		$queries[] = array( 'search' => $search ) + $base;
	}
	$queries[] = array( 'search' => $ids[5], 'search_field' => 'ID' ) + $base;
	$queries[] = array( 'record__in' => array( $ids[1], $ids[2] ) ) + $base;
	$queries[] = array( 'record__not_in' => array( $ids[1], $ids[2] ) ) + $base;
	$failed    = array();
	foreach ( array( '', 'Pacific/Auckland' ) as $zone ) {
		update_option( 'timezone_string', $zone );
		foreach ( $queries as $args ) {
			$expected = array_filter( $records, fn ( $record ) => $matches( $record, $args ) );
			$found    = $driver->get_records( $args );
			$size     = $args['records_per_page'];
			$page     = max( 0, min( $size, count( $expected ) - ( $args['paged'] - 1 ) * $size ) );
			$wrong    = array_filter( $found['items'], fn ( $item ) => ! isset( $expected[ $item->ID ] ) || $item->meta != $records[ $item->ID ]['meta'] || $item->summary !== $records[ $item->ID ]['summary'] );
			if ( $found['count'] !== count( $expected ) || count( $found['items'] ) !== $page || $wrong ) {
				$told     = array_filter( $args, fn ( $value ) => null !== $value && array() !== $value );
				$failed[] = sprintf( '%s: expected %d, found %d with %d on the page, %d wrong', json_encode( $told ), count( $expected ), $found['count'], count( $found['items'] ), count( $wrong ) );
			}
		}
	}
	// Pages of seven are all records, each once, in order.
	$walked = array();
	for ( $paged = 1; $paged <= 20; ++$paged ) {
		$walked = array_merge( $walked, array_column( $driver->get_records( array( 'records_per_page' => 7, 'paged' => $paged, 'order' => 'asc' ) + $base )['items'], 'created' ) );
	}
	$created = array_column( $records, 'created' );
	sort( $created );
	if ( $walked !== $created ) {
		$failed[] = 'pages do not add up';
	}
	$connectors = array_map( 'current', $driver->get_column_values( 'connector' ) );
	if ( array_diff( array_column( $records, 'connector' ), $connectors ) || array() !== $driver->get_table_names() ) {
		$failed[] = 'connectors are missing in the drop-down';
	}
	$storage = $driver->setup_storage( null );
	$storage->install( '4.3' );
	$storage->check();
	echo $failed ? implode( "\n", $failed ) : sprintf( '%d records, %d queries', count( $records ), 2 * count( $queries ) );
	exit( $failed ? 1 : 0 );
}
