/** The older of the two tested versions of Express. The members that tests use have the same types. */
declare module 'express4' {
  import express from 'express'

  export default express
}

/** The older of the two tested versions of Koa. */
declare module 'koa2' {
  import Koa from 'koa'

  export default Koa
}
